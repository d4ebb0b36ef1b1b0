@echo off
rem Starts ComfyForms, which starts the portable ComfyUI. Both are in the folder of this file:
rem   ComfyUI_windows_portable\ComfyUI         ComfyUI
rem   ComfyUI_windows_portable\python_embeded  its Python, which stays as it is
rem   ComfyUI_windows_portable\ComfyForms      the checkout of ComfyForms
rem   ComfyUI_windows_portable\start.bat       this file
rem Options go to ComfyForms, for example: start.bat --host 0.0.0.0
setlocal
set "HERE=%~dp0"
set "APP=%HERE%ComfyForms"
set "PYTHON=%APP%\.venv\Scripts\python.exe"

if not exist "%HERE%ComfyUI\main.py" (
    echo There is no ComfyUI\main.py beside this file. Put it into the folder ComfyUI_windows_portable.
    goto failed
)
if not exist "%APP%\app.py" (
    echo There is no ComfyForms\app.py beside this file. Unpack ComfyForms into the folder ComfyForms.
    goto failed
)
rem The copy is written last: it is missing after a failed installation, and differs after an update.
fc /b "%APP%\pyproject.toml" "%APP%\.venv\installed.toml" >nul 2>nul || (
    where py >nul 2>nul || (
        echo ComfyForms needs Python 3.11 or newer: winget install Python.Python.3.12
        goto failed
    )
    echo Installing ComfyForms. This takes a few minutes, once per version.
    py -3 -m venv "%APP%\.venv" || goto failed
    "%PYTHON%" -m pip install -q -e "%APP%" || goto failed
    copy /y "%APP%\pyproject.toml" "%APP%\.venv\installed.toml" >nul || goto failed
)

"%PYTHON%" "%APP%\app.py" --comfyui "%HERE%ComfyUI" %* || goto failed
exit /b 0

:failed
pause
exit /b 1
